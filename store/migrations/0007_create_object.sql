-- One create that stands alone, in the common case; returns its revision, or 0 as create_objects() does. Two statements: to
-- begin one costs more than its row does. The cluster's row in `head` is taken by a statement of its own, since only the
-- next one then sees all that was committed before the lock was had.
CREATE FUNCTION create_object(
    p_cluster bigint, p_tag bigint, p_resource text, p_ns text, p_name text, p_body bytea,
    p_revision_at integer, p_key_id integer,
    p_scopes text[], p_counters text[], p_deltas bigint[], p_limits bigint[])
RETURNS bigint
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    v_cluster CONSTANT text := set_config('warren.cluster', p_cluster::text, true);
    v_next  bigint;
    v_at    timestamptz;
    v_found bigint;
BEGIN
    UPDATE head h SET revision = h.revision + 1, changed_at = greatest(h.changed_at, now())
     WHERE h.cluster = p_cluster RETURNING h.revision, h.changed_at INTO STRICT v_next, v_at;
    WITH charged AS (
        UPDATE usage u SET used = u.used + c.delta
          FROM unnest(p_scopes, p_counters, p_deltas, p_limits) AS c (scope, counter, delta, max)
         WHERE u.cluster = p_cluster AND u.scope = c.scope AND u.counter = c.counter
           AND (c.delta <= 0 OR u.used <= c.max - c.delta)
        RETURNING 1
    ), written AS (
        INSERT INTO object (cluster, revision, revision_at, key_id, resource, ns, name, body)
        VALUES (p_cluster, v_next, p_revision_at, p_key_id, p_resource, p_ns, p_name, p_body)
    ), told AS (
        INSERT INTO change (cluster, revision, at, tag, before_revision, before_at, key_id, op, resource, ns, name)
        VALUES (p_cluster, v_next, v_at, p_tag, 0, 0, 0, 0, p_resource, p_ns, p_name)
    )
    SELECT count(*) FROM charged INTO v_found;
    IF v_found <> cardinality(p_scopes) THEN
        RAISE no_data_found;
    END IF;
    RETURN v_next;
EXCEPTION WHEN no_data_found OR unique_violation THEN
    RETURN 0;
END $$;
