-- Runs once, when the volume is new: POSTGRES_DB is MLflow's database, this one is Prefect's.
CREATE DATABASE prefect;
