-- What sensors measured of a session is load as a rating is: the athlete's load is to be looked at.
CREATE TRIGGER "session_load_look_at_load" AFTER INSERT OR UPDATE OR DELETE ON "session_load"
  FOR EACH ROW EXECUTE FUNCTION "look_at_load"();
