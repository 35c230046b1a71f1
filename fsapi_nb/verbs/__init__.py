"""The choreography of each verb, the same for every face."""
