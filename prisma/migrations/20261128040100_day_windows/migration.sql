-- AlterTable: windows of the day, active or not, when it was pooled: their number is quickly counted again.
ALTER TABLE "day_movement" ADD COLUMN "windows" INTEGER NOT NULL DEFAULT 0;
