-- Mornings' heart-rate variability is part of a day's hazard: entries and the consent to them mark the athlete, as outcomes do.
CREATE TRIGGER "diary_entry_marks_day" AFTER INSERT OR UPDATE ON "diary_entry"
  FOR EACH ROW WHEN (NEW."kind" = 'morning-hrv') EXECUTE FUNCTION "daily_work_mark"();
CREATE TRIGGER "diary_entry_removed_marks_day" AFTER DELETE ON "diary_entry"
  FOR EACH ROW WHEN (OLD."kind" = 'morning-hrv') EXECUTE FUNCTION "daily_work_mark"();
-- A consent opens the mornings that sessions measured; its withdrawal hides all.
CREATE TRIGGER "consent_marks_day" AFTER INSERT OR UPDATE ON "consent"
  FOR EACH ROW WHEN (NEW."kind" = 'morning-hrv') EXECUTE FUNCTION "daily_work_mark"();
CREATE TRIGGER "consent_removed_marks_day" AFTER DELETE ON "consent"
  FOR EACH ROW WHEN (OLD."kind" = 'morning-hrv') EXECUTE FUNCTION "daily_work_mark"();
