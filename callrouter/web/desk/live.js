<!doctype html><title>callrouter</title>
