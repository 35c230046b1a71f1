-- UP
SELECT E'fine', 'é', E'bad \xff';
