-- UP
-- Inline COPY data as psql reads it: columns apart by one tab, \N for NULL, ended by \.
CREATE TABLE countries (
    code CHAR(2) PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    note TEXT,
    official_name VARCHAR(200)
);

COPY countries (code, name, note, official_name) FROM stdin;
JP	Japan	\N	\N
LA	Laos	\N	Lao People's Democratic Republic
NZ	New Zealand		\N
SZ	Eswatini	Until 2018: Swaziland; -- both names are in use	Kingdom of Eswatini
\.

COMMENT ON TABLE countries IS 'ISO 3166-1 alpha-2';

-- DOWN
DROP TABLE IF EXISTS countries CASCADE;
