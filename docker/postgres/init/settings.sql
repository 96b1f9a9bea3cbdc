-- The warehouse reads and writes much at once; values for a machine of 8 GB or more.
-- Runs once, when the volume is empty; the image restarts the server after it.
alter system set shared_buffers = '1GB';
alter system set effective_cache_size = '3GB';
alter system set work_mem = '64MB';
alter system set maintenance_work_mem = '512MB';
alter system set max_wal_size = '8GB';
alter system set checkpoint_timeout = '30min';
alter system set wal_compression = on;
alter system set random_page_cost = 1.1;
alter system set jit = off;
alter system set password_encryption = 'scram-sha-256';
alter system set timezone = 'UTC';
