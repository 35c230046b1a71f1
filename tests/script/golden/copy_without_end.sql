-- UP
COPY t FROM stdin;
1	it's
-- DOWN
TRUNCATE t;
