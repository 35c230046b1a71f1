-- UP
DO $body$
BEGIN
  RAISE NOTICE 'never closed';
END;
$$;
SELECT 1;
