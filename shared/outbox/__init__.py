"""Transactional outbox: deliveries are written with the change that causes them and sent later; none is lost or doubled."""
