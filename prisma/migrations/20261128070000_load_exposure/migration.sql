-- AlterTable
ALTER TABLE "session" ADD COLUMN     "exposure" TEXT,
ADD COLUMN     "measured_minutes" DOUBLE PRECISION,
ADD COLUMN     "minutes" DOUBLE PRECISION,
ADD COLUMN     "planned_load" DOUBLE PRECISION,
ADD COLUMN     "planned_minutes" DOUBLE PRECISION;

-- CreateTable
CREATE TABLE "session_histogram" (
    "session_id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "quantity" TEXT NOT NULL,
    "unit" TEXT NOT NULL,
    "bin_width" DOUBLE PRECISION NOT NULL,
    "bins" JSONB NOT NULL,
    "session_seconds" DOUBLE PRECISION NOT NULL,
    "observed_seconds" DOUBLE PRECISION NOT NULL,
    "truncated" BOOLEAN NOT NULL DEFAULT false,
    "method" TEXT NOT NULL,

    CONSTRAINT "session_histogram_pkey" PRIMARY KEY ("session_id","quantity")
);

-- CreateTable
CREATE TABLE "session_load" (
    "session_id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "series" TEXT NOT NULL,
    "value" DOUBLE PRECISION,
    "reason" TEXT,
    "unit" TEXT NOT NULL,
    "method" TEXT NOT NULL,
    "parameters" JSONB NOT NULL,
    "minutes_covered" DOUBLE PRECISION NOT NULL,
    "observed_share" DOUBLE PRECISION NOT NULL,
    "provisional" BOOLEAN NOT NULL,
    "computed_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "session_load_pkey" PRIMARY KEY ("session_id","series")
);

-- CreateTable
CREATE TABLE "athlete_limits" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "valid_from" TIMESTAMPTZ(6) NOT NULL,
    "rest_bpm" DOUBLE PRECISION,
    "maximum_bpm" DOUBLE PRECISION,
    "high_speed_mps" DOUBLE PRECISION,
    "source" TEXT,
    "by" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "athlete_limits_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "team_limits" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "valid_from" TIMESTAMPTZ(6) NOT NULL,
    "high_speed_mps" DOUBLE PRECISION,
    "source" TEXT,
    "by" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "team_limits_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "consent" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "given_at" TIMESTAMPTZ(6) NOT NULL,
    "by" TEXT NOT NULL,
    "withdrawn_at" TIMESTAMPTZ(6),
    "withdrawn_by" TEXT,

    CONSTRAINT "consent_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "diary_entry" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "consent_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "day" DATE NOT NULL,
    "value" JSONB NOT NULL,
    "by" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "replaced_at" TIMESTAMPTZ(6),
    "replaces" UUID,

    CONSTRAINT "diary_entry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "illness" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "consent_id" UUID NOT NULL,
    "onset_day" DATE NOT NULL,
    "returned_day" DATE,
    "availability" TEXT NOT NULL,
    "diagnosis_code" TEXT,
    "system" TEXT,
    "note" TEXT,
    "by" TEXT NOT NULL,
    "closed_by" TEXT,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "illness_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "session_histogram_athlete_id_idx" ON "session_histogram"("athlete_id");

-- CreateIndex
CREATE INDEX "session_load_athlete_id_idx" ON "session_load"("athlete_id");

-- CreateIndex
CREATE INDEX "athlete_limits_athlete_id_valid_from_idx" ON "athlete_limits"("athlete_id", "valid_from");

-- CreateIndex
CREATE INDEX "team_limits_team_id_valid_from_idx" ON "team_limits"("team_id", "valid_from");

-- CreateIndex
CREATE INDEX "consent_athlete_id_kind_idx" ON "consent"("athlete_id", "kind");

-- CreateIndex
CREATE INDEX "diary_entry_athlete_id_kind_day_idx" ON "diary_entry"("athlete_id", "kind", "day");

-- CreateIndex
CREATE INDEX "diary_entry_consent_id_idx" ON "diary_entry"("consent_id");

-- CreateIndex
CREATE INDEX "illness_athlete_id_onset_day_idx" ON "illness"("athlete_id", "onset_day");

-- CreateIndex
CREATE INDEX "illness_consent_id_idx" ON "illness"("consent_id");

-- CreateIndex
CREATE INDEX "session_team_id_started_at_idx" ON "session"("team_id", "started_at");

-- AddForeignKey
ALTER TABLE "session_histogram" ADD CONSTRAINT "session_histogram_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session_histogram" ADD CONSTRAINT "session_histogram_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session_load" ADD CONSTRAINT "session_load_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session_load" ADD CONSTRAINT "session_load_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "athlete_limits" ADD CONSTRAINT "athlete_limits_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "team_limits" ADD CONSTRAINT "team_limits_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consent" ADD CONSTRAINT "consent_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "diary_entry" ADD CONSTRAINT "diary_entry_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "diary_entry" ADD CONSTRAINT "diary_entry_consent_id_fkey" FOREIGN KEY ("consent_id") REFERENCES "consent"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "illness" ADD CONSTRAINT "illness_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "illness" ADD CONSTRAINT "illness_consent_id_fkey" FOREIGN KEY ("consent_id") REFERENCES "consent"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What schema.prisma cannot say: one consent of an athlete and kind is in force, one entry of an athlete, kind and day stands.
CREATE UNIQUE INDEX "consent_open_key" ON "consent"("athlete_id", "kind") WHERE "withdrawn_at" IS NULL;
CREATE UNIQUE INDEX "diary_entry_open_key" ON "diary_entry"("athlete_id", "consent_id", "kind", "day") WHERE "replaced_at" IS NULL;
