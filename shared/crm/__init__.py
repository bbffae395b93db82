"""Our own record of people and their opportunities, and how Odoo is brought in step with it."""
