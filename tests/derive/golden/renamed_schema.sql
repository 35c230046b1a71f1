-- ALTER SCHEMA shop RENAME TO store; ALTER TABLE store.orders RENAME TO bought
ALTER SCHEMA store RENAME TO shop;
ALTER TABLE shop.bought RENAME TO orders;
