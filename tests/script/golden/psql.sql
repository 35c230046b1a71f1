-- UP
\restrict abc
\connect other
SELECT 1 \gexec
\copy t from 'x'
\.
