"""Broadcasts: one message, or a conversation, to many people over WhatsApp."""
