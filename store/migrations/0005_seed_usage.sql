-- What a new cluster's first objects use, in the transaction that makes it: counters are right from birth.
-- Takes and returns the cluster's id (0: there is none, nothing to do).
CREATE FUNCTION seed_usage(p_cluster bigint, p_scopes text[], p_counters text[], p_deltas bigint[])
RETURNS bigint
LANGUAGE sql AS $$
    INSERT INTO usage (cluster, scope, counter, used)
    SELECT p_cluster, t.scope, t.counter, sum(t.delta)::bigint
      FROM unnest(p_scopes, p_counters, p_deltas) AS t (scope, counter, delta)
     WHERE p_cluster > 0
     GROUP BY t.scope, t.counter;
    SELECT p_cluster;
$$;
