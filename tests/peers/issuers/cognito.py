"""Signs a user up at a Cognito user pool, and prints the pool, the app client and the user's tokens as JSON."""

import json
import sys

import boto3

endpoint, region = sys.argv[1:]
cognito = boto3.client(
    "cognito-idp", endpoint_url=endpoint, region_name=region, aws_access_key_id="x", aws_secret_access_key="x"
)
attribute = {"Name": "groups", "AttributeDataType": "String", "Mutable": True}
pool = cognito.create_user_pool(PoolName="users", Schema=[attribute])["UserPool"]["Id"]
flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="web", ExplicitAuthFlows=flows)
client = client["UserPoolClient"]["ClientId"]
cognito.create_group(UserPoolId=pool, GroupName="staff")


def tokens(name, groups=None):
    attributes = [{"Name": "custom:groups", "Value": groups}] if groups else []
    password = "Correct-horse-7"
    cognito.sign_up(ClientId=client, Username=name, Password=password, UserAttributes=attributes)
    cognito.admin_confirm_sign_up(UserPoolId=pool, Username=name)
    if not groups:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName="staff")
    parameters = {"USERNAME": name, "PASSWORD": password}
    result = cognito.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
    result = result["AuthenticationResult"]
    return {"id": result["IdToken"], "access": result["AccessToken"]}


# Cognito writes the groups of a SAML provider into an attribute in this form.
users = {"ada": tokens("ada"), "grace": tokens("grace", "[editors, contractors]")}
print(json.dumps({"pool": pool, "client": client, "users": users}))
