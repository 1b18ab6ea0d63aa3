-- A planned day says whether a match is on it: a match's load has more of an injury's chance than training's.
ALTER TABLE planned_load ADD COLUMN is_match boolean NOT NULL DEFAULT false;
