"""The providers of messages, one file each: how a message is sent and looked up, who signed a webhook, what it says.

Each file has, as far as the provider offers it:

    send(letter)               hand over a message (`shared.messages.senders.Letter`); what is kept of the answer
    look_up(letter)            the provider's id of a message whose sending ended without an answer
    verify(request, raw, ...)  the webhook is the provider's
    read_events(request, raw)  its webhook as data of `shared.messages.events.ProviderEvents`
    read_reply(request, raw)   what a person writes, as data of `shared.messages.events.InboundMessage`

All are light: HTTP libraries come with the first call.
"""
