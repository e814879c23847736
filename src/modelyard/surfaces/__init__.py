"""Other people's wire protocols, as tables of translations; `http` has the only endpoint function."""
