-- The tables of prisma/schema.prisma as the schema engine writes them, then what it cannot say: partitions, partial indexes, checks,
-- the trigger on device assignments and storage. Runs on PostgreSQL 15 to 18 and needs no extension.

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "team" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL DEFAULT 'UTC',
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "team_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "athlete" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "external_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "sex" TEXT,
    "birth_date" DATE,
    "height_m" DOUBLE PRECISION,
    "mass_kg" DOUBLE PRECISION,
    "context" JSONB NOT NULL DEFAULT '{}',
    "active" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "athlete_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "gateway" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "token_prefix" TEXT NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(6),
    "revoked_at" TIMESTAMPTZ(6),

    CONSTRAINT "gateway_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "id" UUID NOT NULL,
    "team_id" UUID,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(6),
    "revoked_at" TIMESTAMPTZ(6),
    "last_used_at" TIMESTAMPTZ(6),

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "device" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "serial" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "label" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "device_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "device_assignment" (
    "id" UUID NOT NULL,
    "device_id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "valid_from" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "valid_to" TIMESTAMPTZ(6),

    CONSTRAINT "device_assignment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "stream" (
    "id" BIGSERIAL NOT NULL,
    "device_id" UUID NOT NULL,
    "boot" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "placement" TEXT NOT NULL,
    "athlete_id" UUID NOT NULL,
    "next_sequence" BIGINT NOT NULL DEFAULT 0,
    "last_device_time_us" BIGINT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "stream_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "stream_hello" (
    "stream_id" BIGINT NOT NULL,
    "received_us" BIGINT NOT NULL,
    "from_sequence" BIGINT NOT NULL,
    "gateway_id" UUID NOT NULL,
    "declaration" JSONB NOT NULL,

    CONSTRAINT "stream_hello_pkey" PRIMARY KEY ("stream_id","received_us")
);

-- CreateTable
CREATE TABLE "raw_frame" (
    "stream_id" BIGINT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "received_us" BIGINT NOT NULL,
    "bytes" BYTEA NOT NULL,

    CONSTRAINT "raw_frame_pkey" PRIMARY KEY ("stream_id","sequence","received_us")
) PARTITION BY RANGE ("received_us");

-- CreateTable
CREATE TABLE "refused_frame" (
    "stream_id" BIGINT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "received_us" BIGINT NOT NULL,
    "header" BYTEA NOT NULL,
    "reason" TEXT NOT NULL,
    "detail" TEXT NOT NULL,

    CONSTRAINT "refused_frame_pkey" PRIMARY KEY ("stream_id","sequence")
);

-- CreateTable
CREATE TABLE "session" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "type" TEXT NOT NULL DEFAULT 'training',
    "started_at" TIMESTAMPTZ(6) NOT NULL,
    "first_received_us" BIGINT NOT NULL,
    "last_received_us" BIGINT NOT NULL,
    "ended_at" TIMESTAMPTZ(6),
    "opened_by" TEXT NOT NULL,
    "closed_by" TEXT,
    "metrics_at" TIMESTAMPTZ(6),

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session_metric" (
    "id" UUID NOT NULL,
    "session_id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "value" DOUBLE PRECISION,
    "unit" TEXT NOT NULL,
    "typical_error" DOUBLE PRECISION,
    "method" TEXT NOT NULL,
    "parameters" JSONB NOT NULL DEFAULT '{}',
    "detail" JSONB,
    "provisional" BOOLEAN NOT NULL DEFAULT false,
    "at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "session_metric_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "score" (
    "athlete_id" UUID NOT NULL,
    "window_index" BIGINT NOT NULL,
    "model_version" TEXT NOT NULL,
    "start_us" BIGINT NOT NULL,
    "end_us" BIGINT NOT NULL,
    "activity" TEXT NOT NULL,
    "state" DOUBLE PRECISION,
    "state_logit" DOUBLE PRECISION,
    "logit_sd" DOUBLE PRECISION,
    "rehab" DOUBLE PRECISION,
    "performance" DOUBLE PRECISION,
    "residual_norm" DOUBLE PRECISION,
    "observed_fraction" DOUBLE PRECISION NOT NULL,
    "clipped" INTEGER NOT NULL,
    "streams" JSONB NOT NULL,
    "channel_summary" BYTEA NOT NULL,
    "f_attn" BYTEA NOT NULL,
    "attn_time" BYTEA NOT NULL,
    "attn_tokens" BYTEA NOT NULL,
    "phys" BYTEA NOT NULL,
    "perf" BYTEA NOT NULL,
    "closed_by_us" BIGINT NOT NULL,
    "scored_at_us" BIGINT NOT NULL,
    "provisional" BOOLEAN NOT NULL,

    CONSTRAINT "score_pkey" PRIMARY KEY ("athlete_id","window_index","model_version","start_us")
) PARTITION BY RANGE ("start_us");

-- CreateTable
CREATE TABLE "checkpoint" (
    "athlete_id" UUID NOT NULL,
    "model_version" TEXT NOT NULL,
    "window_index" BIGINT NOT NULL,
    "data" BYTEA NOT NULL,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "checkpoint_pkey" PRIMARY KEY ("athlete_id","model_version")
);

-- CreateTable
CREATE TABLE "asms_state" (
    "athlete_id" UUID NOT NULL,
    "last_window_index" BIGINT NOT NULL,
    "model_version" TEXT NOT NULL,
    "method_version" TEXT NOT NULL,
    "state" JSONB NOT NULL,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "asms_state_pkey" PRIMARY KEY ("athlete_id")
);

-- CreateTable
CREATE TABLE "injury" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "diagnosis_code" TEXT NOT NULL,
    "region" TEXT NOT NULL,
    "side" TEXT,
    "severity" TEXT,
    "onset_at" TIMESTAMPTZ(6) NOT NULL,
    "cleared_at" TIMESTAMPTZ(6),
    "cleared_by" TEXT,
    "time_loss_days" DOUBLE PRECISION NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "injury_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "therapy" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "injury_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "dose_per_day" DOUBLE PRECISION NOT NULL,
    "adherence" DOUBLE PRECISION NOT NULL DEFAULT 1,
    "starts_at" TIMESTAMPTZ(6) NOT NULL,
    "ends_at" TIMESTAMPTZ(6),
    "prescribed_by" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "therapy_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "outcome" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "value" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "outcome_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "recommendation" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "alert_id" UUID,
    "kind" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "rationale" TEXT NOT NULL,
    "evidence" JSONB NOT NULL,
    "method_version" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'proposed',
    "decided_at" TIMESTAMPTZ(6),
    "decided_by" TEXT,
    "decision_note" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "recommendation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "alert" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "severity" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "sentence" TEXT NOT NULL,
    "evidence" JSONB NOT NULL,
    "raised_window_index" BIGINT NOT NULL,
    "raised_at" TIMESTAMPTZ(6) NOT NULL,
    "cleared_at" TIMESTAMPTZ(6),
    "acknowledged_at" TIMESTAMPTZ(6),
    "acknowledged_by" TEXT,
    "snoozed_until" TIMESTAMPTZ(6),
    "method_version" TEXT NOT NULL,

    CONSTRAINT "alert_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "alert_event" (
    "id" UUID NOT NULL,
    "alert_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "change" TEXT NOT NULL,
    "by" TEXT,
    "detail" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "alert_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_endpoint" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "url" TEXT NOT NULL,
    "event_types" TEXT[],
    "secret" TEXT NOT NULL,
    "previous_secret" TEXT,
    "previous_secret_until" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "disabled_at" TIMESTAMPTZ(6),
    "disabled_reason" TEXT,

    CONSTRAINT "webhook_endpoint_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_delivery" (
    "id" TEXT NOT NULL,
    "endpoint_id" UUID NOT NULL,
    "event_type" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'pending',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "delivered_at" TIMESTAMPTZ(6),

    CONSTRAINT "webhook_delivery_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_attempt" (
    "id" UUID NOT NULL,
    "delivery_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "status_code" INTEGER,
    "error" TEXT,
    "duration_ms" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "webhook_attempt_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "team_name_key" ON "team"("name");

-- CreateIndex
CREATE UNIQUE INDEX "athlete_team_id_external_id_key" ON "athlete"("team_id", "external_id");

-- CreateIndex
CREATE UNIQUE INDEX "gateway_token_hash_key" ON "gateway"("token_hash");

-- CreateIndex
CREATE UNIQUE INDEX "gateway_team_id_name_key" ON "gateway"("team_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_hash_key" ON "api_key"("hash");

-- CreateIndex
CREATE UNIQUE INDEX "device_team_id_serial_key" ON "device"("team_id", "serial");

-- CreateIndex
CREATE INDEX "device_assignment_athlete_id_idx" ON "device_assignment"("athlete_id");

-- CreateIndex
CREATE INDEX "device_assignment_device_id_valid_from_idx" ON "device_assignment"("device_id", "valid_from");

-- CreateIndex
CREATE INDEX "stream_athlete_id_idx" ON "stream"("athlete_id");

-- CreateIndex
CREATE UNIQUE INDEX "stream_device_id_boot_kind_placement_key" ON "stream"("device_id", "boot", "kind", "placement");

-- CreateIndex
CREATE INDEX "stream_hello_received_us_idx" ON "stream_hello"("received_us");

-- CreateIndex
CREATE INDEX "session_athlete_id_started_at_idx" ON "session"("athlete_id", "started_at");

-- CreateIndex
CREATE INDEX "session_metric_athlete_id_name_at_idx" ON "session_metric"("athlete_id", "name", "at");

-- CreateIndex
CREATE INDEX "injury_athlete_id_idx" ON "injury"("athlete_id");

-- CreateIndex
CREATE INDEX "therapy_athlete_id_idx" ON "therapy"("athlete_id");

-- CreateIndex
CREATE INDEX "outcome_athlete_id_at_idx" ON "outcome"("athlete_id", "at");

-- CreateIndex
CREATE INDEX "recommendation_athlete_id_created_at_idx" ON "recommendation"("athlete_id", "created_at");

-- CreateIndex
CREATE INDEX "alert_team_id_raised_at_idx" ON "alert"("team_id", "raised_at");

-- CreateIndex
CREATE INDEX "alert_athlete_id_raised_at_idx" ON "alert"("athlete_id", "raised_at");

-- CreateIndex
CREATE INDEX "alert_event_alert_id_at_idx" ON "alert_event"("alert_id", "at");

-- CreateIndex
CREATE INDEX "webhook_endpoint_team_id_idx" ON "webhook_endpoint"("team_id");

-- CreateIndex
CREATE INDEX "webhook_delivery_status_next_attempt_at_idx" ON "webhook_delivery"("status", "next_attempt_at");

-- CreateIndex
CREATE INDEX "webhook_attempt_delivery_id_at_idx" ON "webhook_attempt"("delivery_id", "at");

-- AddForeignKey
ALTER TABLE "athlete" ADD CONSTRAINT "athlete_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "gateway" ADD CONSTRAINT "gateway_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "device" ADD CONSTRAINT "device_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "device_assignment" ADD CONSTRAINT "device_assignment_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "device"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "device_assignment" ADD CONSTRAINT "device_assignment_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stream" ADD CONSTRAINT "stream_device_id_fkey" FOREIGN KEY ("device_id") REFERENCES "device"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stream_hello" ADD CONSTRAINT "stream_hello_stream_id_fkey" FOREIGN KEY ("stream_id") REFERENCES "stream"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session_metric" ADD CONSTRAINT "session_metric_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "session_metric" ADD CONSTRAINT "session_metric_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "injury" ADD CONSTRAINT "injury_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "therapy" ADD CONSTRAINT "therapy_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "therapy" ADD CONSTRAINT "therapy_injury_id_fkey" FOREIGN KEY ("injury_id") REFERENCES "injury"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "outcome" ADD CONSTRAINT "outcome_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recommendation" ADD CONSTRAINT "recommendation_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "alert" ADD CONSTRAINT "alert_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "alert" ADD CONSTRAINT "alert_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "alert_event" ADD CONSTRAINT "alert_event_alert_id_fkey" FOREIGN KEY ("alert_id") REFERENCES "alert"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_endpoint" ADD CONSTRAINT "webhook_endpoint_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_endpoint_id_fkey" FOREIGN KEY ("endpoint_id") REFERENCES "webhook_endpoint"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_attempt" ADD CONSTRAINT "webhook_attempt_delivery_id_fkey" FOREIGN KEY ("delivery_id") REFERENCES "webhook_delivery"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Daily partitions are made ahead by src/store/partitions.ts. A row of a day that has none goes here, so that no insert fails, and is
-- moved when the day's partition is made.
CREATE TABLE "raw_frame_default" PARTITION OF "raw_frame" DEFAULT;
CREATE TABLE "score_default" PARTITION OF "score" DEFAULT;

-- Sensor noise does not compress: trying costs more than the frame's insert.
ALTER TABLE "raw_frame" ALTER COLUMN "bytes" SET STORAGE EXTERNAL;
ALTER TABLE "checkpoint" ALTER COLUMN "data" SET STORAGE EXTERNAL;

-- Rows that are updated many times a second: room for the next version on the same page, values kept in the row.
ALTER TABLE "stream" SET (fillfactor = 50);
ALTER TABLE "session" SET (fillfactor = 50);
ALTER TABLE "asms_state" SET (fillfactor = 50);
ALTER TABLE "checkpoint" SET (fillfactor = 50, toast_tuple_target = 8160);

-- One open session an athlete; one open alert an athlete and type.
CREATE UNIQUE INDEX "session_open_key" ON "session"("athlete_id") WHERE "ended_at" IS NULL;
CREATE UNIQUE INDEX "alert_open_key" ON "alert"("athlete_id", "type") WHERE "cleared_at" IS NULL;

ALTER TABLE "stream" ADD CONSTRAINT "stream_next_sequence_check" CHECK ("next_sequence" >= 0);
ALTER TABLE "checkpoint" ADD CONSTRAINT "checkpoint_data_check" CHECK (octet_length("data") <= 4096);
ALTER TABLE "score" ADD CONSTRAINT "score_end_us_check" CHECK ("end_us" > "start_us");
ALTER TABLE "device_assignment" ADD CONSTRAINT "device_assignment_valid_to_check" CHECK ("valid_to" > "valid_from");
ALTER TABLE "session" ADD CONSTRAINT "session_received_us_check" CHECK ("last_received_us" >= "first_received_us");
ALTER TABLE "injury" ADD CONSTRAINT "injury_time_loss_days_check" CHECK ("time_loss_days" > 0);
ALTER TABLE "therapy" ADD CONSTRAINT "therapy_adherence_check" CHECK ("adherence" BETWEEN 0 AND 1 AND "dose_per_day" >= 0);
ALTER TABLE "recommendation" ADD CONSTRAINT "recommendation_status_check" CHECK ("status" IN ('proposed', 'accepted', 'changed', 'declined'));
ALTER TABLE "alert" ADD CONSTRAINT "alert_severity_check" CHECK ("severity" IN ('amber', 'red'));
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_status_check" CHECK ("status" IN ('pending', 'delivered', 'failed'));

-- At any moment a device belongs to at most one athlete. An exclusion constraint would need the extension btree_gist, which not every
-- server has; the lock on the device's row makes the check safe against a writer beside this one.
CREATE FUNCTION "device_assignment_no_overlap"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM "device" WHERE "id" = NEW."device_id" FOR NO KEY UPDATE;
  IF EXISTS (
    SELECT 1 FROM "device_assignment" other
    WHERE other."device_id" = NEW."device_id" AND other."id" <> NEW."id"
      AND tstzrange(other."valid_from", other."valid_to") && tstzrange(NEW."valid_from", NEW."valid_to")
  ) THEN
    RAISE EXCEPTION 'device % is assigned to an athlete already in that time', NEW."device_id"
      USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'device_assignment_no_overlap', TABLE = 'device_assignment';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER "device_assignment_no_overlap" BEFORE INSERT OR UPDATE ON "device_assignment"
  FOR EACH ROW EXECUTE FUNCTION "device_assignment_no_overlap"();
