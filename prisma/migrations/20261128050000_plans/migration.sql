-- The catalogue of interventions, what plans keep to, the plans and what was done of them.

-- CreateTable
CREATE TABLE "catalogue_entry" (
    "id" UUID NOT NULL,
    "team_id" UUID,
    "entry_id" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "entry" JSONB NOT NULL,
    "retired" BOOLEAN NOT NULL DEFAULT false,
    "reason" TEXT,
    "by" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "catalogue_entry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "plan_limits" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "athlete_id" UUID,
    "kind" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "value" JSONB NOT NULL,
    "by" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "plan_limits_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "planned_load" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "athlete_id" UUID,
    "day" DATE NOT NULL,
    "load" DOUBLE PRECISION NOT NULL,
    "minimum" DOUBLE PRECISION NOT NULL,
    "maximum" DOUBLE PRECISION NOT NULL,
    "by" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "planned_load_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "plan" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "recommendation_id" UUID NOT NULL,
    "first_day" DATE NOT NULL,
    "last_day" DATE NOT NULL,
    "problem" JSONB NOT NULL,
    "sources" JSONB NOT NULL,
    "outcome" JSONB NOT NULL,
    "alternatives" JSONB,
    "alternatives_tries" INTEGER NOT NULL DEFAULT 0,
    "status" TEXT NOT NULL DEFAULT 'proposed',
    "decided_at" TIMESTAMPTZ(6),
    "decided_by" TEXT,
    "reason" TEXT,
    "decision" JSONB,
    "method_version" TEXT NOT NULL,
    "hazard_version" TEXT,
    "trigger" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "plan_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "plan_attempt" (
    "athlete_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "trigger" TEXT NOT NULL,
    "seen_alerts" UUID[],
    "seen_stages" TEXT NOT NULL,
    "refusal" JSONB,

    CONSTRAINT "plan_attempt_pkey" PRIMARY KEY ("athlete_id")
);

-- CreateTable
CREATE TABLE "dose_done" (
    "athlete_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "intervention_id" TEXT NOT NULL,
    "share" DOUBLE PRECISION NOT NULL,
    "by" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "dose_done_pkey" PRIMARY KEY ("athlete_id","day","intervention_id")
);

-- CreateIndex
CREATE INDEX "catalogue_entry_entry_id_team_id_version_idx" ON "catalogue_entry"("entry_id", "team_id", "version");

-- CreateIndex
CREATE INDEX "plan_limits_team_id_kind_version_idx" ON "plan_limits"("team_id", "kind", "version");

-- CreateIndex
CREATE INDEX "plan_limits_athlete_id_kind_version_idx" ON "plan_limits"("athlete_id", "kind", "version");

-- CreateIndex
CREATE INDEX "planned_load_team_id_day_idx" ON "planned_load"("team_id", "day");

-- CreateIndex
CREATE INDEX "planned_load_athlete_id_day_idx" ON "planned_load"("athlete_id", "day");

-- CreateIndex
CREATE INDEX "plan_athlete_id_created_at_idx" ON "plan"("athlete_id", "created_at");

-- AddForeignKey
ALTER TABLE "plan" ADD CONSTRAINT "plan_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What Prisma's schema cannot say: one row of a version, of a day, and of a proposal, also where the team or the athlete is null.
CREATE UNIQUE INDEX "catalogue_entry_active_key" ON "catalogue_entry"("entry_id", "team_id", "version") NULLS NOT DISTINCT;
CREATE UNIQUE INDEX "plan_limits_active_key" ON "plan_limits"("team_id", "athlete_id", "kind", "version") NULLS NOT DISTINCT;
CREATE UNIQUE INDEX "planned_load_active_key" ON "planned_load"("team_id", "athlete_id", "day") NULLS NOT DISTINCT;
CREATE UNIQUE INDEX "plan_open_key" ON "plan"("athlete_id") WHERE "status" = 'proposed';

-- A recommendation whose place a plan took.
ALTER TABLE "recommendation" DROP CONSTRAINT "recommendation_status_check";
ALTER TABLE "recommendation" ADD CONSTRAINT "recommendation_status_check" CHECK (status IN ('proposed', 'accepted', 'changed', 'declined', 'superseded'));

ALTER TABLE "plan" ADD CONSTRAINT "plan_status_check" CHECK (status IN ('proposed', 'accepted', 'changed', 'declined', 'superseded'));
ALTER TABLE "plan" ADD CONSTRAINT "plan_trigger_check" CHECK (trigger IN ('weekly', 'alert', 'stage', 'staff'));
ALTER TABLE "plan_limits" ADD CONSTRAINT "plan_limits_kind_check" CHECK (kind IN ('limits', 'conditions'));
ALTER TABLE "planned_load" ADD CONSTRAINT "planned_load_range_check" CHECK (0 <= minimum AND minimum <= load AND load <= maximum);
ALTER TABLE "dose_done" ADD CONSTRAINT "dose_done_share_check" CHECK (share BETWEEN 0 AND 1);
