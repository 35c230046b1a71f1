-- ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON shop.orders FOR SELECT USING (amount > 1); GRANT SELECT (amount), UPDATE (amount) ON shop.orders TO public; GRANT SELECT ON shop.happy TO public
DROP POLICY mine ON shop.orders;
ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY;
REVOKE SELECT (amount) ON TABLE shop.orders FROM PUBLIC;
REVOKE UPDATE (amount) ON TABLE shop.orders FROM PUBLIC;
REVOKE SELECT ON TABLE shop.happy FROM PUBLIC;
