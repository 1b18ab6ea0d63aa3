-- The life of an alert: assigned, closed with an outcome, a new normal; alarm settings by version; who is told; common causes; ratings.

-- AlterTable
ALTER TABLE "alert" ADD COLUMN     "assigned_to" TEXT,
ADD COLUMN     "closed_at" TIMESTAMPTZ(6),
ADD COLUMN     "closed_by" TEXT,
ADD COLUMN     "common_cause_id" UUID,
ADD COLUMN     "injury_id" UUID,
ADD COLUMN     "noticed_at" TIMESTAMPTZ(6),
ADD COLUMN     "outcome" TEXT,
ADD COLUMN     "outcome_note" TEXT,
ADD COLUMN     "recorded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "settings_version" TEXT NOT NULL DEFAULT 'default';

-- AlterTable
ALTER TABLE "alert_event" ADD COLUMN     "recorded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp();

-- AlterTable
ALTER TABLE "webhook_event" ALTER COLUMN "athlete_id" DROP NOT NULL;

-- CreateTable
CREATE TABLE "new_normal" (
    "id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "alert_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "by" TEXT NOT NULL,

    CONSTRAINT "new_normal_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "alarm_settings" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "athlete_id" UUID,
    "subject_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "settings" JSONB NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "by" TEXT NOT NULL,
    "why" TEXT NOT NULL,

    CONSTRAINT "alarm_settings_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "recipient" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "min_severity" TEXT NOT NULL DEFAULT 'amber',
    "daily_budget" INTEGER NOT NULL,
    "quiet_from_minute" INTEGER,
    "quiet_to_minute" INTEGER,
    "active" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "recipient_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "notice" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "recipient_id" UUID NOT NULL,
    "alert_id" UUID,
    "common_cause_id" UUID,
    "severity" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL,
    "sent_at" TIMESTAMPTZ(6),
    "why" TEXT,
    "until_at" TIMESTAMPTZ(6),

    CONSTRAINT "notice_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "common_cause" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "severity" TEXT NOT NULL,
    "sentence" TEXT NOT NULL,
    "athletes" INTEGER NOT NULL,
    "share" DOUBLE PRECISION NOT NULL,
    "from_at" TIMESTAMPTZ(6) NOT NULL,
    "to_at" TIMESTAMPTZ(6) NOT NULL,
    "raised_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "common_cause_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "alert_rating" (
    "id" UUID NOT NULL,
    "alert_id" UUID NOT NULL,
    "key_id" UUID NOT NULL,
    "rater" TEXT NOT NULL,
    "rating" INTEGER NOT NULL,
    "note" TEXT,
    "at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "alert_rating_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "new_normal_athlete_id_at_idx" ON "new_normal"("athlete_id", "at");

-- CreateIndex
CREATE UNIQUE INDEX "alarm_settings_subject_id_version_key" ON "alarm_settings"("subject_id", "version");

-- CreateIndex
CREATE UNIQUE INDEX "recipient_team_id_name_key" ON "recipient"("team_id", "name");

-- CreateIndex
CREATE INDEX "notice_team_id_created_at_idx" ON "notice"("team_id", "created_at");

-- CreateIndex
CREATE INDEX "notice_sent_at_until_at_idx" ON "notice"("sent_at", "until_at");

-- CreateIndex
CREATE UNIQUE INDEX "notice_recipient_id_alert_id_key" ON "notice"("recipient_id", "alert_id");

-- CreateIndex
CREATE UNIQUE INDEX "notice_recipient_id_common_cause_id_key" ON "notice"("recipient_id", "common_cause_id");

-- CreateIndex
CREATE INDEX "common_cause_team_id_raised_at_idx" ON "common_cause"("team_id", "raised_at");

-- CreateIndex
CREATE UNIQUE INDEX "alert_rating_alert_id_key_id_key" ON "alert_rating"("alert_id", "key_id");

-- CreateIndex
CREATE INDEX "alert_noticed_at_idx" ON "alert"("noticed_at");

-- CreateIndex
CREATE INDEX "alert_common_cause_id_idx" ON "alert"("common_cause_id");

-- AddForeignKey
ALTER TABLE "alert" ADD CONSTRAINT "alert_injury_id_fkey" FOREIGN KEY ("injury_id") REFERENCES "injury"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "alert" ADD CONSTRAINT "alert_common_cause_id_fkey" FOREIGN KEY ("common_cause_id") REFERENCES "common_cause"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "new_normal" ADD CONSTRAINT "new_normal_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "new_normal" ADD CONSTRAINT "new_normal_alert_id_fkey" FOREIGN KEY ("alert_id") REFERENCES "alert"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "alarm_settings" ADD CONSTRAINT "alarm_settings_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "alarm_settings" ADD CONSTRAINT "alarm_settings_athlete_id_fkey" FOREIGN KEY ("athlete_id") REFERENCES "athlete"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "recipient" ADD CONSTRAINT "recipient_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notice" ADD CONSTRAINT "notice_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notice" ADD CONSTRAINT "notice_recipient_id_fkey" FOREIGN KEY ("recipient_id") REFERENCES "recipient"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notice" ADD CONSTRAINT "notice_alert_id_fkey" FOREIGN KEY ("alert_id") REFERENCES "alert"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "notice" ADD CONSTRAINT "notice_common_cause_id_fkey" FOREIGN KEY ("common_cause_id") REFERENCES "common_cause"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "common_cause" ADD CONSTRAINT "common_cause_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "alert_rating" ADD CONSTRAINT "alert_rating_alert_id_fkey" FOREIGN KEY ("alert_id") REFERENCES "alert"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Alerts from before are told to nobody now, and their history is in the order in which it happened.
UPDATE "alert" SET "recorded_at" = "raised_at", "noticed_at" = CURRENT_TIMESTAMP;
UPDATE "alert_event" SET "recorded_at" = "at";

ALTER TABLE "alert" ADD CONSTRAINT "alert_outcome_check"
  CHECK ("outcome" IN ('injury-confirmed', 'load-changed', 'checked-no-finding', 'sensor-fault', 'new-normal', 'other'));
ALTER TABLE "alert" ADD CONSTRAINT "alert_closed_check" CHECK (("outcome" IS NULL) = ("closed_at" IS NULL));
ALTER TABLE "alarm_settings" ADD CONSTRAINT "alarm_settings_version_check" CHECK ("version" >= 1);
ALTER TABLE "recipient" ADD CONSTRAINT "recipient_min_severity_check" CHECK ("min_severity" IN ('amber', 'red'));
ALTER TABLE "recipient" ADD CONSTRAINT "recipient_daily_budget_check" CHECK ("daily_budget" >= 0);
ALTER TABLE "recipient" ADD CONSTRAINT "recipient_quiet_check"
  CHECK (("quiet_from_minute" IS NULL) = ("quiet_to_minute" IS NULL)
    AND "quiet_from_minute" BETWEEN 0 AND 1439 AND "quiet_to_minute" BETWEEN 0 AND 1439);
ALTER TABLE "notice" ADD CONSTRAINT "notice_severity_check" CHECK ("severity" IN ('amber', 'red'));
ALTER TABLE "notice" ADD CONSTRAINT "notice_reason_check" CHECK ("sent_at" IS NOT NULL OR "why" IS NOT NULL);
ALTER TABLE "common_cause" ADD CONSTRAINT "common_cause_severity_check" CHECK ("severity" IN ('amber', 'red'));
ALTER TABLE "alert_rating" ADD CONSTRAINT "alert_rating_rating_check" CHECK ("rating" BETWEEN 1 AND 5);
