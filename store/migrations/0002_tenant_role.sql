-- Requests of tenants run as warren_tenant, to whom only the rows of the cluster that `warren.cluster` names are there:
-- a statement that forgets its cluster finds nothing of another's.

DO $$
BEGIN
    -- Roles are shared by all databases of a server. Asked first: who may not make roles is told that before "exists".
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'warren_tenant') THEN
        CREATE ROLE warren_tenant NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database's server was faster
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role warren_tenant is missing: as a superuser, run CREATE ROLE warren_tenant NOLOGIN; GRANT warren_tenant TO %; or ALTER ROLE % CREATEROLE', session_user, session_user;
END $$;

DO $$
BEGIN
    IF NOT pg_has_role(session_user, 'warren_tenant', 'MEMBER') THEN
        EXECUTE format('GRANT warren_tenant TO %I', session_user);
    END IF;
END $$;

CREATE FUNCTION this_cluster() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('warren.cluster', true), '')::bigint
$$;

ALTER TABLE head ENABLE ROW LEVEL SECURITY;
ALTER TABLE object ENABLE ROW LEVEL SECURITY;
ALTER TABLE change ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE mapping ENABLE ROW LEVEL SECURITY;

CREATE POLICY own ON head TO warren_tenant USING (cluster = this_cluster());
CREATE POLICY own ON object TO warren_tenant USING (cluster = this_cluster());
CREATE POLICY own ON change TO warren_tenant USING (cluster = this_cluster());
CREATE POLICY own ON usage TO warren_tenant USING (cluster = this_cluster());
CREATE POLICY own ON mapping TO warren_tenant USING (cluster = this_cluster());

DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO warren_tenant', current_schema());
END $$;
GRANT SELECT, UPDATE ON head TO warren_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON object, usage, mapping TO warren_tenant;
GRANT SELECT, INSERT ON change TO warren_tenant;
