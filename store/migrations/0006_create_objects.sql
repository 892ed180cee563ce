-- The creates of one cluster in a batch, each statement once for all of them: a statement costs more to begin than a row
-- does to write. Returns the revision of the first; the others follow in order, as their tags do.
--
-- It knows only the common case. A cluster that is gone, a name that is taken, a counter that is not there yet or would
-- pass its limit: then it writes nothing and returns 0, and write_object() is for the caller to use. Charges are summed:
-- one for each counter.
CREATE FUNCTION create_objects(
    p_cluster bigint, p_tag bigint, p_resources text[], p_ns text[], p_names text[], p_bodies bytea[],
    p_revision_ats integer[], p_key_ids integer[],
    p_scopes text[], p_counters text[], p_deltas bigint[], p_limits bigint[])
RETURNS bigint
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    v_count CONSTANT bigint := cardinality(p_names);
    v_base  bigint;
    v_at    timestamptz;
    v_found bigint;
BEGIN
    PERFORM set_config('warren.cluster', p_cluster::text, true);
    UPDATE head h SET revision = h.revision + v_count, changed_at = greatest(h.changed_at, now())
     WHERE h.cluster = p_cluster RETURNING h.revision - v_count, h.changed_at INTO STRICT v_base, v_at;

    IF cardinality(p_scopes) > 0 THEN
        UPDATE usage u SET used = u.used + c.delta
          FROM unnest(p_scopes, p_counters, p_deltas, p_limits) AS c (scope, counter, delta, max)
         WHERE u.cluster = p_cluster AND u.scope = c.scope AND u.counter = c.counter
           AND (c.delta <= 0 OR u.used <= c.max - c.delta);
        GET DIAGNOSTICS v_found = ROW_COUNT;
        IF v_found <> cardinality(p_scopes) THEN
            RAISE no_data_found;
        END IF;
    END IF;

    INSERT INTO object (cluster, revision, revision_at, key_id, resource, ns, name, body)
    SELECT p_cluster, v_base + t.n, t.at, t.key_id, t.resource, t.ns, t.name, t.body
      FROM unnest(p_revision_ats, p_key_ids, p_resources, p_ns, p_names, p_bodies) WITH ORDINALITY
           AS t (at, key_id, resource, ns, name, body, n);
    INSERT INTO change (cluster, revision, at, tag, before_revision, before_at, key_id, op, resource, ns, name)
    SELECT p_cluster, v_base + t.n, v_at, p_tag + t.n - 1, 0, 0, 0, 0, t.resource, t.ns, t.name
      FROM unnest(p_resources, p_ns, p_names) WITH ORDINALITY AS t (resource, ns, name, n);
    RETURN v_base + 1;
EXCEPTION WHEN no_data_found OR unique_violation THEN
    RETURN 0;
END $$;
