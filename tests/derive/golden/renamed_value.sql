-- ALTER TYPE shop.mood RENAME VALUE 'sad' TO 'gloomy'; ALTER TYPE shop.mood RENAME TO humour
ALTER TYPE shop.humour RENAME TO mood;
ALTER TYPE shop.mood RENAME VALUE 'gloomy' TO 'sad';
