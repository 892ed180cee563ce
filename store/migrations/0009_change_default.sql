-- Partitions of `change` are made ahead and dropped behind by whichever server comes to it, and no write depends on that: what
-- has no partition goes into change_default. That is so while a long reader keeps partitions from being made (a backup holds
-- its locks on every table until it ends), while nobody makes them, and after a clock was set.

CREATE TABLE change_default PARTITION OF change DEFAULT;
CREATE INDEX change_default_at ON change_default (at);

CREATE FUNCTION change_default_has(p_from timestamptz, p_to timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM change_default d WHERE d.at >= p_from AND d.at < p_to)
$$;

-- Makes the partitions of this period of five minutes, the one before and the next `p_count`; returns the second at which the
-- last one ends. A partition's name tells where it starts. A period of which change_default has something stays there as a
-- whole: changes are never moved. ATTACH, other than CREATE TABLE ... PARTITION OF, makes no writer wait; it needs
-- change_default for itself, which only readers and writers of those periods use.
CREATE FUNCTION make_change_partitions(p_now timestamptz, p_count integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_period CONSTANT bigint := 300;
    v_slot   CONSTANT bigint := floor(extract(epoch FROM p_now))::bigint / v_period;
    v_name text;
    v_from timestamptz;
    v_to   timestamptz;
BEGIN
    FOR slot IN v_slot - 1 .. v_slot + p_count LOOP
        v_name := format('change_%s', slot * v_period);
        v_from := to_timestamp(slot * v_period);
        v_to := to_timestamp((slot + 1) * v_period);
        CONTINUE WHEN to_regclass(v_name) IS NOT NULL OR change_default_has(v_from, v_to);
        LOCK TABLE change_default IN ACCESS EXCLUSIVE MODE;
        CONTINUE WHEN change_default_has(v_from, v_to);
        EXECUTE format('CREATE TABLE %I (LIKE change INCLUDING ALL)', v_name);
        EXECUTE format('ALTER TABLE change ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', v_name, v_from, v_to);
    END LOOP;
    RETURN (v_slot + p_count + 1) * v_period;
END $$;

-- Drops what is older than `p_keep_s`, by whole periods and all of it in one transaction, so that each cluster keeps an
-- unbroken tail of revisions. Dropping makes writers wait for as long as it waits for readers: give it a lock_timeout.
CREATE FUNCTION drop_change_partitions(p_now timestamptz, p_keep_s bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_period CONSTANT bigint := 300;
    v_edge   CONSTANT bigint := (floor(extract(epoch FROM p_now))::bigint - p_keep_s) / v_period * v_period;
    v_old record;
BEGIN
    DELETE FROM change_default d WHERE d.at < to_timestamp(v_edge);
    FOR v_old IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'change'::regclass
           AND CASE WHEN c.relname ~ '^change_[0-9]+$'
                    THEN substr(c.relname, length('change_') + 1)::bigint + v_period <= v_edge END
    LOOP
        EXECUTE format('DROP TABLE %I', v_old.relname);
    END LOOP;
    RETURN v_edge;
END $$;

-- What servers of before call, in one transaction: first what locks `change`, then what locks change_default, as readers do.
CREATE OR REPLACE FUNCTION change_partitions(keep_s bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM drop_change_partitions(clock_timestamp(), keep_s);
    EXCEPTION WHEN lock_not_available THEN
        NULL;
    END;
    PERFORM make_change_partitions(clock_timestamp(), 3);
END $$;
