-- AlterTable
ALTER TABLE "api_key" ADD COLUMN     "athlete_id" UUID,
ADD COLUMN     "role" TEXT;

-- AlterTable
ALTER TABLE "injury" ADD COLUMN     "contact" BOOLEAN,
ADD COLUMN     "relapse_of" UUID,
ADD COLUMN     "reported_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "time_loss" BOOLEAN NOT NULL DEFAULT true;

-- CreateTable
CREATE TABLE "therapy_adherence" (
    "therapy_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "from_at" TIMESTAMPTZ(6) NOT NULL,
    "share" DOUBLE PRECISION NOT NULL,
    "by" TEXT NOT NULL,
    "recorded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "therapy_adherence_pkey" PRIMARY KEY ("therapy_id","day")
);

-- CreateTable
CREATE TABLE "return_to_play" (
    "injury_id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "protocol_version" TEXT NOT NULL,
    "state" JSONB NOT NULL,
    "ceilings" JSONB NOT NULL,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "return_to_play_pkey" PRIMARY KEY ("injury_id")
);

-- CreateTable
CREATE TABLE "return_protocol" (
    "team_id" UUID NOT NULL,
    "version" TEXT NOT NULL,
    "protocol" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT NOT NULL,

    CONSTRAINT "return_protocol_pkey" PRIMARY KEY ("team_id","version")
);

-- CreateTable
CREATE TABLE "measurement" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "value" DOUBLE PRECISION NOT NULL,
    "unit" TEXT NOT NULL,
    "side" TEXT,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "by" TEXT NOT NULL,
    "recorded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "measurement_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "medical_change" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "subject" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "change" TEXT NOT NULL,
    "by" TEXT NOT NULL,
    "why" TEXT,
    "before" JSONB,
    "after" JSONB,

    CONSTRAINT "medical_change_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "return_to_play_athlete_id_idx" ON "return_to_play"("athlete_id");

-- CreateIndex
CREATE INDEX "measurement_athlete_id_name_at_idx" ON "measurement"("athlete_id", "name", "at");

-- CreateIndex
CREATE INDEX "medical_change_athlete_id_at_idx" ON "medical_change"("athlete_id", "at");

-- CreateIndex
CREATE INDEX "medical_change_subject_id_at_idx" ON "medical_change"("subject_id", "at");

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "injury" ADD CONSTRAINT "injury_relapse_of_fkey" FOREIGN KEY ("relapse_of") REFERENCES "injury"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "therapy_adherence" ADD CONSTRAINT "therapy_adherence_therapy_id_fkey" FOREIGN KEY ("therapy_id") REFERENCES "therapy"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "return_to_play" ADD CONSTRAINT "return_to_play_injury_id_fkey" FOREIGN KEY ("injury_id") REFERENCES "injury"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "return_to_play" ADD CONSTRAINT "return_to_play_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "return_protocol" ADD CONSTRAINT "return_protocol_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "measurement" ADD CONSTRAINT "measurement_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "medical_change" ADD CONSTRAINT "medical_change_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;


-- What Prisma's schema cannot say.
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_athlete_check" CHECK (("role" IS NOT DISTINCT FROM 'athlete') = ("athlete_id" IS NOT NULL));

-- Injuries that stand already: known since they were stored, and at the first stage of the default protocol from now on where they are open.
UPDATE "injury" SET "reported_at" = greatest("created_at", "onset_at");

INSERT INTO "return_to_play" ("injury_id", "athlete_id", "protocol_version", "state", "ceilings")
SELECT i."id", i."athlete_id", 'return-1.0.0',
  jsonb_build_object(
    'injuryId', i."id", 'protocolVersion', 'return-1.0.0', 'phase', 'stages', 'stage', 0, 'enteredUs', n."us", 'signatures', '[]'::jsonb, 'clearedUs', NULL,
    'history', jsonb_build_array(jsonb_build_object('atUs', n."us", 'change', 'begun', 'stage', 0, 'by', 'migration', 'why', 'injury recorded before stages were'))),
  jsonb_build_array(jsonb_build_object('fromUs', n."us", 'share', 0.1))
FROM "injury" i CROSS JOIN (SELECT (extract(epoch FROM now()) * 1000000)::bigint AS "us") n
WHERE i."cleared_at" IS NULL;
