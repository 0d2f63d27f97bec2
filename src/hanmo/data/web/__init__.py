"""Pictures from the network, politely and within limits; what was answered stays on disk.

    address     which URLs and which addresses may be asked at all
    exchange    one request and its answer, within bytes and seconds
    robots      what a site asks of robots (RFC 9309)
    judge       whether an answer is a picture, and if not, whether to ask again
    answers     every answer, kept in one file
    polite      who is asked when: hosts, delays, retries

`sources.urls` makes records of the answers.
"""
