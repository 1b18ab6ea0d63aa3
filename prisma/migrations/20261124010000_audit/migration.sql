-- CreateTable
CREATE TABLE "audit_entry" (
    "id" UUID NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "key_id" UUID NOT NULL,
    "caller" TEXT NOT NULL,
    "team_id" UUID,
    "action" TEXT NOT NULL,
    "status_code" INTEGER NOT NULL,
    "athlete_ids" UUID[],

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "audit_entry_athlete_ids_idx" ON "audit_entry" USING GIN ("athlete_ids");

-- CreateIndex
CREATE INDEX "audit_entry_at_idx" ON "audit_entry"("at");
