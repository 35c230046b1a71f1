"""Write the definitions of a database's objects as DDL that creates them."""
