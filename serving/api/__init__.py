"""The HTTP API: shoppers' features as JSON, once or as a stream of changes, and how the job does.

`application.create_app` makes it, `server.ApiServer` serves it.
"""
