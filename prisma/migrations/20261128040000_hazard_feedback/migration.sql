-- The daily hazard, and what outcomes teach.

-- AlterTable: hazard.json as it came with the model, null where none did.
ALTER TABLE "model" ADD COLUMN "hazard" TEXT;

-- AlterTable: the outcome that this one corrects. An outcome is never overwritten.
ALTER TABLE "outcome" ADD COLUMN "replaces" UUID;

-- CreateTable
CREATE TABLE "day_movement" (
    "athlete_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "model_version" TEXT NOT NULL,
    "active_windows" INTEGER NOT NULL,
    "f_attn" BYTEA NOT NULL,
    "method_version" TEXT NOT NULL,
    "computed_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "day_movement_pkey" PRIMARY KEY ("athlete_id","day","model_version")
);

-- CreateTable
CREATE TABLE "session_movement" (
    "session_id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "model_version" TEXT NOT NULL,
    "active_windows" INTEGER NOT NULL,
    "end_us" BIGINT NOT NULL,
    "f_attn" BYTEA NOT NULL,
    "method_version" TEXT NOT NULL,
    "computed_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "session_movement_pkey" PRIMARY KEY ("session_id","model_version")
);

-- CreateTable
CREATE TABLE "daily_hazard" (
    "athlete_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "model_version" TEXT NOT NULL,
    "probability" DOUBLE PRECISION,
    "lower" DOUBLE PRECISION,
    "upper" DOUBLE PRECISION,
    "terms" JSONB,
    "not_enough_data" TEXT,
    "input" JSONB NOT NULL,
    "method_version" TEXT NOT NULL,
    "computed_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "daily_hazard_pkey" PRIMARY KEY ("athlete_id","day","model_version")
);

-- CreateTable
CREATE TABLE "daily_work" (
    "athlete_id" UUID NOT NULL,
    "marks" BIGINT NOT NULL DEFAULT 0,
    "done_marks" BIGINT NOT NULL DEFAULT -1,
    "done_day" DATE,
    "done_for" TEXT,
    "done_at" TIMESTAMPTZ(6),

    CONSTRAINT "daily_work_pkey" PRIMARY KEY ("athlete_id")
);

-- CreateTable
CREATE TABLE "performance_metric" (
    "team_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "unit" TEXT NOT NULL,
    "smallest_worthwhile_change" DOUBLE PRECISION NOT NULL,
    "reference" DOUBLE PRECISION NOT NULL,
    "higher_is_better" BOOLEAN NOT NULL,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by" TEXT NOT NULL,

    CONSTRAINT "performance_metric_pkey" PRIMARY KEY ("team_id","name")
);

-- CreateTable
CREATE TABLE "feedback_population" (
    "team_id" UUID NOT NULL,
    "target" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "model_version" TEXT NOT NULL,
    "parameters" JSONB NOT NULL,
    "sessions" INTEGER NOT NULL,
    "athletes" INTEGER NOT NULL,
    "fitted_through_us" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "feedback_population_pkey" PRIMARY KEY ("team_id","target","model_version")
);

-- CreateTable
CREATE TABLE "feedback_step" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "target" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "lesson_id" TEXT NOT NULL,
    "lesson" JSONB NOT NULL,
    "outcome_ids" TEXT[],
    "forecast_us" BIGINT NOT NULL,
    "known_us" BIGINT NOT NULL,
    "method_version" TEXT NOT NULL,
    "population_version" TEXT NOT NULL,
    "lessons" INTEGER NOT NULL,
    "intercept_only" JSONB NOT NULL,
    "personal" JSONB NOT NULL,
    "judged" JSONB,
    "reason" TEXT NOT NULL,
    "learned_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "undone_at" TIMESTAMPTZ(6),
    "undone_by" TEXT,
    "undone_reason" TEXT,

    CONSTRAINT "feedback_step_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "feedback_verdict" (
    "team_id" UUID NOT NULL,
    "target" TEXT NOT NULL,
    "decision" TEXT NOT NULL,
    "serves" TEXT NOT NULL,
    "verdict" JSONB NOT NULL,
    "judged_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "feedback_verdict_pkey" PRIMARY KEY ("team_id","target")
);

-- CreateIndex
CREATE UNIQUE INDEX "outcome_replaces_key" ON "outcome"("replaces");

-- CreateIndex
CREATE INDEX "session_movement_athlete_id_end_us_idx" ON "session_movement"("athlete_id", "end_us");

-- CreateIndex
CREATE INDEX "feedback_step_athlete_id_target_position_idx" ON "feedback_step"("athlete_id", "target", "position");

-- AddForeignKey
ALTER TABLE "outcome" ADD CONSTRAINT "outcome_replaces_fkey" FOREIGN KEY ("replaces") REFERENCES "outcome"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- A day has a probability, or the reason why it has none.
ALTER TABLE "daily_hazard" ADD CONSTRAINT "daily_hazard_check" CHECK (
  ("not_enough_data" IS NULL) = ("probability" IS NOT NULL AND "lower" IS NOT NULL AND "upper" IS NOT NULL AND "terms" IS NOT NULL));
ALTER TABLE "performance_metric" ADD CONSTRAINT "performance_metric_check" CHECK ("smallest_worthwhile_change" > 0);

-- One step in force a place of the ledger; those undone stand beside them.
CREATE UNIQUE INDEX "feedback_step_active_key" ON "feedback_step"("athlete_id", "target", "position") WHERE "undone_at" IS NULL;

-- Whatever a day's figures are made of marks its athlete, in the transaction that changes it, whoever writes it: the sweeper finds the mark. A job reads the
-- count before anything else, so the mark of a change that it did not see stands after it.
CREATE FUNCTION "daily_work_mark"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO daily_work AS w (athlete_id) VALUES (CASE WHEN TG_OP = 'DELETE' THEN OLD.athlete_id ELSE NEW.athlete_id END)
    ON CONFLICT (athlete_id) DO UPDATE SET marks = w.marks + 1;
  RETURN NULL;
END
$$;
CREATE TRIGGER "outcome_marks_day" AFTER INSERT OR UPDATE OR DELETE ON "outcome" FOR EACH ROW EXECUTE FUNCTION "daily_work_mark"();
CREATE TRIGGER "injury_marks_day" AFTER INSERT OR UPDATE OR DELETE ON "injury" FOR EACH ROW EXECUTE FUNCTION "daily_work_mark"();
-- A session's windows and metrics are there when it is over. Not when it begins: frames are stored in that transaction, and wait for nobody.
CREATE TRIGGER "session_marks_day" AFTER UPDATE OF "ended_at", "metrics_at" ON "session" FOR EACH ROW EXECUTE FUNCTION "daily_work_mark"();
