-- One write: compare-and-swap, charges, object, change and revision. It takes the cluster's row and the next revision
-- first, so that commit order is revision order (a write that comes to nothing gives the revision back), and never
-- raises for an ordinary outcome, since many writes share a transaction.
--
-- op: 0 create, 1 update, 2 delete. code: 0 done, 1 stale, 2 exists, 3 absent, 4 over a limit (`refused` is the charge,
-- from 0), 5 no such cluster. `was_*` is what is there (stale, exists), or what was deleted.
CREATE FUNCTION write_object(
    p_cluster bigint, p_op smallint, p_resource text, p_ns text, p_name text, p_expect bigint,
    p_body bytea, p_revision_at integer, p_key_id integer, p_tag bigint,
    p_scopes text[], p_counters text[], p_deltas bigint[], p_limits bigint[],
    OUT code smallint, OUT revision bigint, OUT refused integer,
    OUT was_revision bigint, OUT was_at integer, OUT was_key_id integer, OUT was_body bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    v_next bigint;
    v_at   timestamptz;
BEGIN
    PERFORM set_config('warren.cluster', p_cluster::text, true);
    UPDATE head h SET revision = h.revision + 1, changed_at = greatest(h.changed_at, now())
     WHERE h.cluster = p_cluster RETURNING h.revision, h.changed_at INTO v_next, v_at;
    IF NOT FOUND THEN
        code := 5;
        RETURN;
    END IF;

    SELECT o.revision, o.revision_at, o.key_id, o.body INTO was_revision, was_at, was_key_id, was_body
      FROM object o
     WHERE o.cluster = p_cluster AND o.resource = p_resource AND o.ns = p_ns AND o.name = p_name;
    IF p_op = 0 AND FOUND THEN
        code := 2;
    ELSIF p_op <> 0 AND NOT FOUND THEN
        code := 3;
    ELSIF p_op <> 0 AND p_expect <> 0 AND p_expect <> was_revision THEN
        code := 1;
    END IF;

    IF code IS NULL AND p_scopes IS NOT NULL THEN
        refused := charge(p_cluster, p_scopes, p_counters, p_deltas, p_limits);
        IF refused IS NOT NULL THEN
            code := 4;
            was_body := NULL;
        END IF;
    END IF;

    IF code IS NOT NULL THEN
        UPDATE head h SET revision = v_next - 1 WHERE h.cluster = p_cluster; -- nothing is written
        RETURN;
    END IF;

    IF p_op = 0 THEN
        INSERT INTO object (cluster, revision, revision_at, key_id, resource, ns, name, body)
        VALUES (p_cluster, v_next, p_revision_at, p_key_id, p_resource, p_ns, p_name, p_body);
    ELSIF p_op = 1 THEN
        UPDATE object o SET revision = v_next, revision_at = p_revision_at, key_id = p_key_id, body = p_body
         WHERE o.cluster = p_cluster AND o.resource = p_resource AND o.ns = p_ns AND o.name = p_name;
    ELSE
        DELETE FROM object o
         WHERE o.cluster = p_cluster AND o.resource = p_resource AND o.ns = p_ns AND o.name = p_name;
    END IF;

    INSERT INTO change (cluster, revision, at, tag, before_revision, before_at, key_id, op, resource, ns, name, before)
    VALUES (p_cluster, v_next, v_at, p_tag, coalesce(was_revision, 0), coalesce(was_at, 0), coalesce(was_key_id, 0),
            p_op, p_resource, p_ns, p_name, was_body);
    code := 0;
    revision := v_next;
    IF p_op = 1 THEN
        was_body := NULL; -- the caller knows it
    END IF;
END $$;

-- Applies the charges in order, or none of them: then the place, from 0, of the one that passed its limit.
CREATE FUNCTION charge(p_cluster bigint, p_scopes text[], p_counters text[], p_deltas bigint[], p_limits bigint[])
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    n integer := cardinality(p_scopes);
BEGIN
    FOR i IN 1..n LOOP
        UPDATE usage u SET used = u.used + p_deltas[i]
         WHERE u.cluster = p_cluster AND u.scope = p_scopes[i] AND u.counter = p_counters[i]
           AND (p_deltas[i] <= 0 OR u.used <= p_limits[i] - p_deltas[i]);
        CONTINUE WHEN FOUND;
        IF p_deltas[i] <= 0 OR p_deltas[i] <= p_limits[i] THEN
            INSERT INTO usage (cluster, scope, counter, used)
            VALUES (p_cluster, p_scopes[i], p_counters[i], p_deltas[i]) ON CONFLICT DO NOTHING;
            CONTINUE WHEN FOUND;
        END IF;
        FOR k IN 1..i - 1 LOOP
            UPDATE usage u SET used = u.used - p_deltas[k]
             WHERE u.cluster = p_cluster AND u.scope = p_scopes[k] AND u.counter = p_counters[k];
        END LOOP;
        RETURN i - 1;
    END LOOP;
    RETURN NULL;
END $$;
