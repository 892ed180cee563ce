-- Claiming and releasing a mapping in one round trip each: the statement is its own transaction, and becomes the tenant for
-- its length. Callers are the login role; row-level security sees warren_tenant, as within BEGIN.

-- The host key that is there afterwards, whoever put it there. Raises unique_violation when `p_host_key` belongs to another.
CREATE FUNCTION claim_mapping(p_cluster bigint, p_kind text, p_tenant_key text, p_host_key text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_role    CONSTANT text := set_config('role', 'warren_tenant', true);
    v_cluster CONSTANT text := set_config('warren.cluster', p_cluster::text, true);
    v_host_key text;
BEGIN
    INSERT INTO mapping AS m (cluster, kind, tenant_key, host_key) VALUES (p_cluster, p_kind, p_tenant_key, p_host_key)
        ON CONFLICT (cluster, kind, tenant_key) DO UPDATE SET host_key = m.host_key RETURNING m.host_key INTO v_host_key;
    RETURN v_host_key;
END $$;

-- Whether there was one.
CREATE FUNCTION release_mapping(p_cluster bigint, p_kind text, p_tenant_key text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_role    CONSTANT text := set_config('role', 'warren_tenant', true);
    v_cluster CONSTANT text := set_config('warren.cluster', p_cluster::text, true);
BEGIN
    DELETE FROM mapping m WHERE m.cluster = p_cluster AND m.kind = p_kind AND m.tenant_key = p_tenant_key;
    RETURN FOUND;
END $$;
