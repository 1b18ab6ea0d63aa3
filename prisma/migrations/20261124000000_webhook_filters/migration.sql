-- Filters of webhook endpoints, events kept for replay, two retry budgets, and claims that do not move the schedule.

-- AlterTable
ALTER TABLE "webhook_endpoint" ALTER COLUMN "team_id" DROP NOT NULL;
ALTER TABLE "webhook_endpoint" ADD COLUMN "alert_types" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN "min_severity" TEXT NOT NULL DEFAULT 'amber',
ADD COLUMN "unanswered" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "paused_until" TIMESTAMPTZ(6);
ALTER TABLE "webhook_endpoint" ADD CONSTRAINT "webhook_endpoint_min_severity_check" CHECK ("min_severity" IN ('amber', 'red'));

-- CreateTable
CREATE TABLE "webhook_event" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "athlete_id" UUID NOT NULL,
    "event_type" TEXT NOT NULL,
    "alert_type" TEXT,
    "severity" TEXT,
    "body" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_event_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "webhook_event_created_at_idx" ON "webhook_event"("created_at");

-- AlterTable: attempts made so far were counted against the receiver, whoever was at fault.
ALTER TABLE "webhook_delivery" ADD COLUMN "event_id" UUID,
ADD COLUMN "receiver_faults" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "own_faults" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "claim" UUID,
ADD COLUMN "claimed_until" TIMESTAMPTZ(6);
UPDATE "webhook_delivery" SET "receiver_faults" = "attempts" WHERE "status" = 'pending';

-- AlterTable
ALTER TABLE "webhook_attempt" ADD COLUMN "fault" TEXT;
ALTER TABLE "webhook_attempt" ADD CONSTRAINT "webhook_attempt_fault_check" CHECK ("fault" IN ('receiver', 'ours'));

-- DropIndex: what is due is looked up endpoint by endpoint now.
DROP INDEX "webhook_delivery_status_next_attempt_at_idx";

-- CreateIndex
CREATE UNIQUE INDEX "webhook_delivery_endpoint_id_event_id_key" ON "webhook_delivery"("endpoint_id", "event_id");
CREATE INDEX "webhook_delivery_endpoint_id_status_next_attempt_at_idx" ON "webhook_delivery"("endpoint_id", "status", "next_attempt_at");
CREATE INDEX "webhook_delivery_endpoint_id_claimed_until_idx" ON "webhook_delivery"("endpoint_id", "claimed_until");
CREATE INDEX "webhook_delivery_created_at_idx" ON "webhook_delivery"("created_at");
