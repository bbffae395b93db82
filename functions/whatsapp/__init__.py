"""WhatsApp through Meta: what comes from there, our numbers, and approved templates."""
