"""What every process needs: settings, database, queues, storage, clock, logs. Knows nothing of calls."""
