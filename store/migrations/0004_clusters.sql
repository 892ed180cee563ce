-- Making and removing a cluster, each in one call.

-- Everything that a cluster is born with; its id, or 0 when the name is taken. `p_id` 0 takes the next one.
-- A cluster's first revision is at least 1: clients take "0" for "any".
CREATE FUNCTION create_cluster(
    p_id bigint, p_name text, p_uid text, p_key_id integer, p_data_key bytea, p_secrets bytea,
    p_secrets_key_id integer,
    p_resources text[], p_ns text[], p_names text[], p_ats integer[], p_key_ids integer[], p_bodies bytea[])
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := p_id;
BEGIN
    IF v_id = 0 THEN
        v_id := nextval(pg_get_serial_sequence('cluster', 'id'));
    END IF;
    INSERT INTO cluster (id, uid, name, key_id, data_key, secrets, secrets_key_id)
    VALUES (v_id, p_uid, p_name, p_key_id, p_data_key, p_secrets, p_secrets_key_id) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    INSERT INTO head (cluster, revision, changed_at) VALUES (v_id, greatest(cardinality(p_names), 1), now());
    INSERT INTO object (cluster, revision, revision_at, key_id, resource, ns, name, body)
    SELECT v_id, t.revision, t.at, t.key_id, t.resource, t.ns, t.name, t.body
      FROM unnest(p_resources, p_ns, p_names, p_ats, p_key_ids, p_bodies) WITH ORDINALITY
           AS t (resource, ns, name, at, key_id, body, revision);
    RETURN v_id;
END $$;

-- The head goes first: writers that wait for it find no cluster.
CREATE FUNCTION delete_cluster(p_cluster bigint) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM head WHERE cluster = p_cluster;
    DELETE FROM object WHERE cluster = p_cluster;
    DELETE FROM change WHERE cluster = p_cluster;
    DELETE FROM usage WHERE cluster = p_cluster;
    DELETE FROM mapping WHERE cluster = p_cluster;
    DELETE FROM cluster WHERE id = p_cluster;
$$;
