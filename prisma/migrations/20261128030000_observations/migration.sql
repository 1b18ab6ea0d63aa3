-- What reaches ASMS beside windows, and the ceilings that a day's load is held against.

-- CreateTable
CREATE TABLE "observation" (
    "athlete_id" UUID NOT NULL,
    "sequence" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "at_us" BIGINT NOT NULL,
    "body" JSONB NOT NULL,

    CONSTRAINT "observation_pkey" PRIMARY KEY ("athlete_id","sequence")
);

-- CreateTable
CREATE TABLE "observing" (
    "athlete_id" UUID NOT NULL,
    "last_sequence" BIGINT NOT NULL DEFAULT -1,
    "silent_session_id" UUID,
    "silent_since_us" BIGINT,
    "load_look_us" BIGINT,

    CONSTRAINT "observing_pkey" PRIMARY KEY ("athlete_id")
);

-- CreateTable
CREATE TABLE "load_ceiling" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "series" TEXT NOT NULL,
    "ceiling" DOUBLE PRECISION NOT NULL,
    "from_day" DATE NOT NULL,
    "to_day" DATE,
    "reason" TEXT,
    "set_by" TEXT NOT NULL,
    "ended_at" TIMESTAMPTZ(6),
    "ended_by" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "load_ceiling_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "observation_at_us_idx" ON "observation"("at_us");

-- CreateIndex
CREATE UNIQUE INDEX "observation_athlete_id_kind_subject_key" ON "observation"("athlete_id", "kind", "subject");

-- CreateIndex
CREATE INDEX "observing_load_look_us_idx" ON "observing"("load_look_us");

-- CreateIndex
CREATE INDEX "load_ceiling_athlete_id_from_day_idx" ON "load_ceiling"("athlete_id", "from_day");

-- CreateIndex
CREATE INDEX "session_athlete_id_ended_at_idx" ON "session"("athlete_id", "ended_at");

-- AddForeignKey
ALTER TABLE "load_ceiling" ADD CONSTRAINT "load_ceiling_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AlterTable: the fence of observations, as last_window_index is the fence of windows.
ALTER TABLE "asms_state" ADD COLUMN "last_observation" BIGINT NOT NULL DEFAULT -1;

ALTER TABLE "observation" ADD CONSTRAINT "observation_kind_check" CHECK ("kind" IN ('asymmetry', 'sides', 'day-load', 'clocks', 'silence'));
ALTER TABLE "observation" ADD CONSTRAINT "observation_sequence_check" CHECK ("sequence" >= 0);
ALTER TABLE "observing" ADD CONSTRAINT "observing_silent_check" CHECK (("silent_session_id" IS NULL) = ("silent_since_us" IS NULL));
ALTER TABLE "load_ceiling" ADD CONSTRAINT "load_ceiling_ceiling_check" CHECK ("ceiling" > 0);
-- A ceiling that was ended on its first day was never in force: it ends the day before it begins.
ALTER TABLE "load_ceiling" ADD CONSTRAINT "load_ceiling_to_day_check" CHECK ("to_day" >= "from_day" - 1);

-- Whatever writes a rating, a ceiling or the stage of a return says in the same transaction that the athlete's load is to be looked at, now: no writer can forget it.
CREATE FUNCTION "look_at_load"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "observing" ("athlete_id", "load_look_us") VALUES (CASE WHEN TG_OP = 'DELETE' THEN OLD."athlete_id" ELSE NEW."athlete_id" END, 0)
  ON CONFLICT ("athlete_id") DO UPDATE SET "load_look_us" = 0;
  RETURN NULL;
END
$$;
CREATE TRIGGER "outcome_look_at_load" AFTER INSERT OR UPDATE ON "outcome"
  FOR EACH ROW WHEN (NEW."kind" = 'session-rpe') EXECUTE FUNCTION "look_at_load"();
CREATE TRIGGER "outcome_removed_look_at_load" AFTER DELETE ON "outcome"
  FOR EACH ROW WHEN (OLD."kind" = 'session-rpe') EXECUTE FUNCTION "look_at_load"();
CREATE TRIGGER "load_ceiling_look_at_load" AFTER INSERT OR UPDATE OR DELETE ON "load_ceiling"
  FOR EACH ROW EXECUTE FUNCTION "look_at_load"();
CREATE TRIGGER "return_to_play_look_at_load" AFTER INSERT OR UPDATE OR DELETE ON "return_to_play"
  FOR EACH ROW EXECUTE FUNCTION "look_at_load"();
-- Returns that stand already.
INSERT INTO "observing" ("athlete_id", "load_look_us") SELECT DISTINCT "athlete_id", 0 FROM "return_to_play" ON CONFLICT DO NOTHING;
