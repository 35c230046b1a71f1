-- ALTER TYPE shop.pair ADD ATTRIBUTE three date; ALTER TYPE shop.pair RENAME ATTRIBUTE one TO uno
ALTER TYPE shop.pair RENAME ATTRIBUTE uno TO one;
ALTER TYPE shop.pair DROP ATTRIBUTE three;
