-- CreateTable: partitioned by day of received_us, dropped with that day's raw frames.
CREATE TABLE "kept_checkpoint" (
    "athlete_id" UUID NOT NULL,
    "model_version" TEXT NOT NULL,
    "window_index" BIGINT NOT NULL,
    "received_us" BIGINT NOT NULL,
    "data" BYTEA NOT NULL,
    "context" JSONB NOT NULL,
    "baseline_frozen" BOOLEAN NOT NULL,

    CONSTRAINT "kept_checkpoint_pkey" PRIMARY KEY ("athlete_id","model_version","window_index","received_us")
) PARTITION BY RANGE ("received_us");

-- CreateTable
CREATE TABLE "background_window" (
    "athlete_id" UUID NOT NULL,
    "model_version" TEXT NOT NULL,
    "window_index" BIGINT NOT NULL,
    "activity" TEXT NOT NULL,
    "provisional" BOOLEAN NOT NULL,
    "input" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "background_window_pkey" PRIMARY KEY ("athlete_id","model_version","window_index")
);

-- CreateTable
CREATE TABLE "explanation" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "window_index" BIGINT NOT NULL,
    "model_version" TEXT NOT NULL,
    "grain" TEXT NOT NULL,
    "start_us" BIGINT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'pending',
    "asked_by" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "claimed_until" TIMESTAMPTZ(6),
    "refusal" JSONB,
    "method" TEXT,
    "enumerated" INTEGER,
    "evaluations" INTEGER,
    "base_logit" DOUBLE PRECISION,
    "logit" DOUBLE PRECISION,
    "contributions" JSONB,
    "attention" JSONB,
    "background" JSONB,
    "took_ms" DOUBLE PRECISION,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(6),

    CONSTRAINT "explanation_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "explanation_athlete_id_window_index_model_version_grain_key" ON "explanation"("athlete_id", "window_index", "model_version", "grain");

-- CreateIndex
CREATE INDEX "explanation_status_created_at_idx" ON "explanation"("status", "created_at");

-- AddForeignKey
ALTER TABLE "background_window" ADD CONSTRAINT "background_window_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "explanation" ADD CONSTRAINT "explanation_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

CREATE TABLE "kept_checkpoint_default" PARTITION OF "kept_checkpoint" DEFAULT;

-- Floats hardly compress, and the windows come compressed.
ALTER TABLE "kept_checkpoint" ALTER COLUMN "data" SET STORAGE EXTERNAL;
ALTER TABLE "background_window" ALTER COLUMN "input" SET STORAGE EXTERNAL;

ALTER TABLE "kept_checkpoint" ADD CONSTRAINT "kept_checkpoint_data_check" CHECK (octet_length("data") <= 4096);
ALTER TABLE "explanation" ADD CONSTRAINT "explanation_status_check" CHECK ("status" IN ('pending', 'done', 'refused'));
ALTER TABLE "explanation" ADD CONSTRAINT "explanation_grain_check" CHECK ("grain" IN ('sensor', 'channel'));
