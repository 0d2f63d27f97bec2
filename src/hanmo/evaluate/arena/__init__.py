"""The arena: people compare two pictures without knowing who painted them (report section 5.1, AI Arena).

    games           one vote as a game between two models; many of them as tallies
    elo             ratings that move with each game, in the order of the votes
    bradley_terry   ratings that explain all games best, with their uncertainty and the advantage of the left side
    ratings         the board: ranks, ratings, intervals, shares
    matches         which two models, and which prompt, are worth asking about next
    simulate        voters with known tastes, to see that the ranking comes back
    sources         models as folders of pictures; prompts
    painting        models that paint while the arena runs, such as an endpoint
    tables          the database: SQLite or PostgreSQL
    votes           issuing matches, taking votes, withdrawing them
    referee         the rules of the game over all of these
    pictures        pictures without anything that says who painted them
    limits          how fast one voter may go
    app, web/       the pages
    serving         listening on a port
    export          votes and board as JSON and CSV

Ratings need numpy alone; the database and the pages need `pip install 'hanmo[arena]'`. Nothing is imported here.
"""
