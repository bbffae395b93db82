"""The campaign sequences: who is put into them, what their mails may say, and Notion kept in step with both."""
