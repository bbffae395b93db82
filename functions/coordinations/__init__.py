"""Coordinations: a process of Flowable's and the run of an OpenRPA robot that belongs to it, as one thing."""
