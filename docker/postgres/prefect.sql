-- Run once, when the volume is new: POSTGRES_DB is MLflow's database, this is Prefect's.
CREATE DATABASE prefect;
