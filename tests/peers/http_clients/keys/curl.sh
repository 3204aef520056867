# The key in forms of `curl -G --data-urlencode`, and in JSON.
read -r base && read -r token && IFS= read -r key
authorization="authorization: Bearer $token"

# downloaded FILTER QUERY: prints the content of the object at the URL that the filter finds in the answer.
downloaded() {
    curl -sS -f "$(jq -r "$1" answer.json)" -o object
    printf '%s %s\n' "$2" "$(base64 -w 0 object)"
}

sent="$(curl -sS -f -G -o answer.json -w '%{url_effective}' -H "$authorization" --data-urlencode "key=$key" \
    "$base/presignedurl")"
downloaded .url "${sent#*\?}"
sent="$(curl -sS -f -G -o answer.json -w '%{url_effective}' -H "$authorization" --data-urlencode "bucket=media" \
    --data-urlencode "key=$key" "$base/v1/downloadUrl")"
downloaded .get.url "${sent#*\?}"
jq -n --arg key "$key" '{bucket: "media", key: $key}' |
    curl -sS -f -o answer.json -H "$authorization" -H "content-type: application/json" --data-binary @- \
        "$base/v1/downloadUrl"
downloaded .get.url -
