-- UP
\restrict abc
\connect other
SELECT 1 \gexec
\copy t from 'x'
\.
\set ON_ERROR_STOP off
\set env dev
\if :{?env}
\i common.sql
\g
SELECT 1\; SELECT 2;
\encoding LATIN1
\d users
\! date
\q
