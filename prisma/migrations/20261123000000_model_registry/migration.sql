-- The model registry, and which of several versions' scores of a window counts.

-- CreateTable
CREATE TABLE "model" (
    "version" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "contract_sha256" TEXT NOT NULL,
    "contract" TEXT NOT NULL,
    "graph" BYTEA NOT NULL,
    "metrics" JSONB,
    "registered_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "registered_by" TEXT NOT NULL,
    "activated_at" TIMESTAMPTZ(6),

    CONSTRAINT "model_pkey" PRIMARY KEY ("version")
);

-- CreateTable
CREATE TABLE "model_change" (
    "id" UUID NOT NULL,
    "version" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "from_status" TEXT,
    "to_status" TEXT NOT NULL,
    "by" TEXT NOT NULL,

    CONSTRAINT "model_change_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "model_change_version_at_idx" ON "model_change"("version", "at");

-- AddForeignKey
ALTER TABLE "model_change" ADD CONSTRAINT "model_change_version_fkey" FOREIGN KEY ("version") REFERENCES "model"("version") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AlterTable: true where the row stands beside the one that counts (a shadow's score, a re-score).
ALTER TABLE "score" ADD COLUMN "shadow" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable: the newest window that this version scored as the active one; null where it never was.
ALTER TABLE "checkpoint" ADD COLUMN "active_index" BIGINT;
UPDATE "checkpoint" SET "active_index" = "window_index";

-- A graph's weights do not compress.
ALTER TABLE "model" ALTER COLUMN "graph" SET STORAGE EXTERNAL;
ALTER TABLE "model" ADD CONSTRAINT "model_status_check" CHECK ("status" IN ('registered', 'active', 'shadow', 'retired'));
ALTER TABLE "model" ADD CONSTRAINT "model_graph_check" CHECK (octet_length("graph") BETWEEN 1 AND 67108864);

-- Where a database saw more than one version already, the score that was made first is the one that counted.
UPDATE "score" s SET "shadow" = true
FROM (
  SELECT "athlete_id", "window_index", "model_version", "start_us",
    row_number() OVER (PARTITION BY "athlete_id", "window_index", "start_us" ORDER BY "scored_at_us", "model_version") AS n
  FROM "score" WHERE (SELECT count(DISTINCT "model_version") FROM "checkpoint") > 1
) other
WHERE other.n > 1 AND s."athlete_id" = other."athlete_id" AND s."window_index" = other."window_index"
  AND s."model_version" = other."model_version" AND s."start_us" = other."start_us";

-- One active model, one shadow.
CREATE UNIQUE INDEX "model_one_active_key" ON "model"("status") WHERE "status" = 'active';
CREATE UNIQUE INDEX "model_one_shadow_key" ON "model"("status") WHERE "status" = 'shadow';
-- One score of a window counts, whatever versions scored it (start_us follows from the window; a key over partitions must name it).
CREATE UNIQUE INDEX "score_active_key" ON "score"("athlete_id", "window_index", "start_us") WHERE NOT "shadow";
