-- Runs once, when the volume is new: the searches that workers share.
CREATE DATABASE studies;
